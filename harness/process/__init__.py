"""The state of the process: devices, settings, guards, and integrity of torch and of the harness."""
