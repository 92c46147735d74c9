"""What the benchmark of deployment runs on."""
