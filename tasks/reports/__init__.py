"""What goes out: result files for clients, summaries for operators.

No Prefect and no sockets here: functions take values and return texts, or write local files.
"""
