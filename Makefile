# One command each. Everything a command needs and the machine lacks is installed first.
.DEFAULT_GOAL := build
PREFIX ?= /usr/local
DESTDIR ?=
export PREFIX DESTDIR

# Commands that are there when their script is; the script's second line says what it does.
SCRIPTED := $(notdir $(wildcard scripts/demo scripts/torture scripts/bench scripts/bench-quick scripts/bench-wide scripts/bench-jsonata scripts/conformance))

.PHONY: help bootstrap build test check fuzz install clean demo-stop $(SCRIPTED)

help:  ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 20
	@for name in $(SCRIPTED); do \
	  printf '  make %-12s %s\n' $$name "$$(sed -n '2s/^# //p' scripts/$$name)"; done

bootstrap:  ## install the Debian packages that are missing
	@scripts/bootstrap

build: bootstrap  ## build the program: build/sluice
	@scripts/build release

test: bootstrap  ## build and run every test
	@scripts/test

check: bootstrap  ## format, clang-tidy, every test under the sanitizers (slow)
	@scripts/bootstrap scripts/packages-check.txt
	@scripts/check

fuzz: bootstrap  ## a minute of each fuzzer under sanitizers (installs clang)
	@scripts/fuzz

$(SCRIPTED): build
	@scripts/$@

demo-stop:  ## stop what make demo left running
	@scripts/demo-stop

install:  ## install what make build left: PREFIX=/usr/local DESTDIR=
	@scripts/install

clean:  ## remove everything that was built
	rm -rf build
