"""Write what is published: Parquet, OpenAI JSONL, the card and its manifest."""
