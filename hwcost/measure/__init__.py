"""From boards, this host and other tools' logs to rows of measurements."""
