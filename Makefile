# The commands of this repository; each is a script that can be read and run by itself.
.PHONY: help run test check prepare shots bench

help:
	@echo "make run      install what is missing, build, and start the portal with demo data on http://127.0.0.1:3000"
	@echo "make test     install what is missing, then every check and test there is, with one summary"
	@echo "make check    format and lints only"
	@echo "make prepare  write .sqlx anew after a query or a migration changed"
	@echo "make shots    take the screenshots of the README"
	@echo "make bench    measure, as docs/benchmarks.md describes"

run test check prepare shots bench:
	@scripts/$@.sh
