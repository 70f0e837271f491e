"""Model solutions, one package per activity."""
