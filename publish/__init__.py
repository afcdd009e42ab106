"""Archive and findings to what people use: chats.db, the Datasette pages, the guide and the exports."""
