"""What the gate finds, and what it cries wolf at: planted slowdowns, and none."""
