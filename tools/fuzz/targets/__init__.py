"""What libFuzzer calls: one function a target."""
