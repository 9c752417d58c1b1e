"""What is kept: the database with its tables and migrations, and the files of images."""
