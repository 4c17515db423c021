"""`hutong demo`: three organisations on this machine, as processes of their own."""
