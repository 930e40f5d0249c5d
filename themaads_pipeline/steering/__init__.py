"""What a person may do to an upload: the command and the dashboard do it by the same steps."""
