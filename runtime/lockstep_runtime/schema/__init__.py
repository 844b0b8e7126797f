"""What values a model's features may have, beyond what the model itself refuses."""
