"""What every stand-in is made of: state, pictures, switches, endpoints, pages."""
