# One command each. Everything a command needs and the machine lacks is installed first.
.DEFAULT_GOAL := build
BUILD ?= build/release
PRESET ?= release
PREFIX ?= /usr/local

bootstrap:
	@scripts/bootstrap
build: bootstrap
	@scripts/build $(PRESET)
.PHONY: bootstrap build
