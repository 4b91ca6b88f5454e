"""What the tests share: backends, clients of them, and a cable to cut."""
