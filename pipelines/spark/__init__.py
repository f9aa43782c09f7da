"""Spark as another engine for the models of very large groups: dbt says what is built and by what
SQL, `translating` says it in Spark's words, `functions` and `lending` lend Spark what only DuckDB
can do, `engine` computes the tables and gives them to the warehouse."""
