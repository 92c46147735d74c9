"""From rows of measurements to latency models, with their errors."""
