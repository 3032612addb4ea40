"""The run directory: its files, lock, ledger and parts."""
