"""Conversations with a broker, held with the real and the simulated one alike."""
