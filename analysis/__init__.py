"""Archive to findings: questions, answers, tips, themes, people, coverage. Pure functions over one session's rows."""
