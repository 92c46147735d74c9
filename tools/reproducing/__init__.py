"""Parts of the reproduction of the published method."""
