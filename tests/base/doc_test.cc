#include "base/doc.h"

#include <doctest/doctest.h>

namespace sluice {

TEST_CASE("a document made from text gives back the very text, and its tree") {
  const Doc doc = Doc::from_text("{ \"a\" : 1.0 }");
  CHECK(doc.text() == "{ \"a\" : 1.0 }");
  CHECK(doc.json().at("a") == 1);
  CHECK(doc.size_bytes() == 13);
}

TEST_CASE("a document made from a tree is written compactly, members in order") {
  const Doc doc = Doc::from_json(Json{{"z", 1}, {"a", {1, 2}}});
  CHECK(doc.text() == R"({"z":1,"a":[1,2]})");
}

TEST_CASE("text and tree are made once: references to them stay good") {
  const Doc doc = Doc::from_text("[1]");
  const Json* const tree = &doc.json();
  const std::string* const text = &doc.text();
  CHECK(tree == &doc.json());
  CHECK(text == &doc.text());
}

TEST_CASE("no document differs from the document null") {
  CHECK_FALSE(static_cast<bool>(Doc()));
  CHECK(static_cast<bool>(Doc::from_text("null")));
  CHECK(Doc::from_text("null").json().is_null());
  CHECK(Doc::empty_object().json() == Json::object());
}

TEST_CASE("copies share the document and where it is stored; an equal document does not") {
  const Doc doc = Doc::from_text("1");
  const Doc copy = doc;  // NOLINT(performance-unnecessary-copy-initialization): the subject
  const Doc equal = Doc::from_text("1");
  copy.set_ref({7, 1});
  CHECK(doc.same_as(copy));
  CHECK_FALSE(doc.same_as(equal));
  CHECK(doc.ref() == DocRef{7, 1});
  CHECK_FALSE(static_cast<bool>(equal.ref()));
  CHECK_FALSE(static_cast<bool>(Doc().ref()));
}

TEST_CASE("a payload that repeats a name is read, the last one counting") {
  CHECK(Doc::from_text(R"({"a":1,"a":2})").json().at("a") == 2);
}

}  // namespace sluice
