"""Sources: names become files, files become shards, shards become raw rows."""
