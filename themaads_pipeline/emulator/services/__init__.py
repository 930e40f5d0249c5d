"""The services and their methods. A new service is a module here and a line in `registry`."""
