"""From a quantised model to firmware: quantise, lower, interpret, emit, build."""
