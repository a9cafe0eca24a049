// What every test includes besides.
#pragma once
#include "pch.h"

#include <doctest/doctest.h>
