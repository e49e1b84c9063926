"""Pictures from strangers: judged by content, decoded within limits, compared by sight, and all of it outside this process."""
