"""The Hugging Face Hub: repositories, and errors in our own words."""
