"""SQL text to rows: parse, bind, optimize, compile, run."""
