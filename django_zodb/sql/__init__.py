"""SQL text to rows: parse, bind, optimize, compile, run. The life of one SELECT::

    SELECT b.title FROM book b WHERE b.year > %s ORDER BY b.title LIMIT 2

1. ``dbapi.cursor.Cursor.execute`` hands text and parameters to ``prepare.prepare``. The second time it ends here: the
   cache knows the text, its tables have the schema tokens they had, and the parameters are of the same classes.
2. ``parse.parse`` replaces the placeholders among the tokens (``%s`` → ``:p0``) and has sqlglot make a tree of them.
   What is no statement, or one that is not spoken here, is refused with its fragment and place.
3. ``bind.bind`` turns the tree into a plan (``plan.Node``) of typed expressions (``expr.Expr``). ``scope.Scope`` knows
   which names mean what, ``coerce.compare`` and its like which types go together; ``bind_args.consume`` sees to it that
   nothing the parser found is dropped. Nothing of sqlglot goes further than this::

       Project: b.title
         Limit: 2
           Sort: b.title
             Filter: b.year > p0
               Scan: book b

4. ``optimize.optimize`` rewrites the plan into one that gives the same rows for less: here an index range, or Sort and
   Limit in one.
5. ``compile.compile_plan`` prints the plan as one Python function and loads it: a ``program.Program``.
6. ``program.Program.run`` calls the function with the live tables (``storage.protocol.Table``) and the parameters. What
   comes back are the rows, tuples of SQL values.

``show.explain`` prints a plan at any stage. Statements that define take another way, ``ddl.bind_definition``; those
that control transactions never come here (``control.transaction_statement``).
"""
