"""Pages made from reports: `html` for one student, `classpage` for the class. Pure: the caller writes the files."""
