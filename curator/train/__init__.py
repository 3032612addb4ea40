"""Training on a run's dataset: thin adapters over other people's trainers."""
