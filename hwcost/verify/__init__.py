"""A deployed network, run and compared: answers, bytes, cycles."""
