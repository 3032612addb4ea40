"""The folder that is published: write it, describe it, open it."""
