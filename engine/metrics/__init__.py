"""What Prometheus is told: numbers counted, levels taken over from the state, and the endpoint that serves them."""
