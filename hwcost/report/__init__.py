"""What check found, written down: for a terminal, for a pull request, for a program. Import the module of the form you want."""
