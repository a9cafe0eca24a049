#include "base/doc.h"

#include <limits>

namespace sluice {

Doc Doc::from_text(std::string text) {
  Doc doc;
  doc.body_ = std::make_shared<Body>();
  doc.body_->text = std::move(text);
  doc.body_->has_text = true;
  return doc;
}

Doc Doc::from_json(Json value) {
  Doc doc;
  doc.body_ = std::make_shared<Body>();
  doc.body_->json = std::make_unique<Json>(std::move(value));
  return doc;
}

Doc Doc::empty_object() { return from_text("{}"); }

const std::string& Doc::text() const {
  SLUICE_CHECK(body_ != nullptr, "a document");
  if (!body_->has_text) {
    body_->text = to_text(*body_->json);
    body_->has_text = true;
  }
  return body_->text;
}

const Json& Doc::json() const {
  SLUICE_CHECK(body_ != nullptr, "a document");
  if (!body_->json) {
    // Payloads are checked, not tidied: of a repeated name the last counts.
    auto parsed = parse_json(body_->text, {.depth_max = std::numeric_limits<std::size_t>::max(),
                                           .refuse_duplicate_keys = false});
    SLUICE_CHECK(parsed.has_value(), "well-formed JSON, as checked at the edge");
    body_->json = std::make_unique<Json>(*std::move(parsed));
  }
  return *body_->json;
}

}  // namespace sluice
