"""What people and programs may ask of the desk over the admin socket."""
