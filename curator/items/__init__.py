"""The map step: a shard of raw rows becomes items and a part of the ledger."""
