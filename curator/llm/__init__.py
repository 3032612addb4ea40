"""Language models: on this machine, and at a provider."""
