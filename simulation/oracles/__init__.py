"""What must hold in a simulated universe; shares no code with workers or transport."""
