"""What all explorers share: the table, the panels, the declaration, and the forms in which it is shown."""
