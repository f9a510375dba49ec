"""The stand-in for AWS: moto, with SageMaker extended."""
