"""The QLoRA trainer of language models on this machine."""
