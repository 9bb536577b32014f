"""The command line: Click, and nothing that another program could not call as well."""
