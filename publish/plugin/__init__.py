"""What Chatkeep adds to Datasette: pages of its own, a guard at the door, safer cells."""
