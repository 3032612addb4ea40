"""Fine-tuning jobs at OpenAI and services like it."""
