"""docker-compose.yml for real, on a machine with Docker's engine: `make test-compose`."""
