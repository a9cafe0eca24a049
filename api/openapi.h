// The service's own description: OpenAPI 3.1, made from the table that dispatches (router.h) and
// the schemas (schemas.h), so that it cannot name a route that is not there, nor miss one that is.
//
// Thread-safe; the text is made once.
#pragma once

#include <string>

namespace sluice::api {

const std::string& openapi_text();

}  // namespace sluice::api
