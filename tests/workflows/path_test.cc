#include "workflows/path.h"

#include <doctest/doctest.h>

#include "workflows/json_compare.h"

namespace sluice::workflows {
namespace {

Json json(std::string_view text) {
  auto parsed = parse_json(text);
  REQUIRE_MESSAGE(parsed, text);
  return *std::move(parsed);
}

const char* const store = R"({
  "book": [
    {"category": "reference", "author": "Rees", "price": 8.95},
    {"category": "fiction", "author": "Waugh", "price": 12.99},
    {"category": "fiction", "author": "Melville", "price": 8.99, "isbn": "0-553"}
  ],
  "bicycle": {"colour": "red", "price": 19},
  "with-dash": 1, "with space": 2, "a.b": 3, "it's": 4,
  "numbers": [3, 1, 2], "empty": [], "nothing": null, "limit": 9,
  "nested": [[1, 2], [3], []]
})";

struct Refusal {
  const char* path;
  const char* says;
};

TEST_CASE("a text that is no path is refused, with the place and what was expected") {
  for (const auto& [path, says] : {
           Refusal{"", "is not a path"},
           Refusal{"order.id", "is not a path"},
           Refusal{" $.a", "is not a path"},
           Refusal{"$.", "character 3; expected a name, '*' or '['"},
           Refusal{"$..", "character 4"},
           Refusal{"$...", "character 4"},
           Refusal{"$.a.", "expected a name"},
           Refusal{"$.a b", "expected '.', '[' or the end of the path"},
           Refusal{"$.a[", "expected an index"},
           Refusal{"$.a[]", "expected an index"},
           Refusal{"$.a[x]", "expected an index"},
           Refusal{"$.a['b]", "expected a closing '"},
           Refusal{"$.a['b'", "expected ']'"},
           Refusal{"$.a[0:3:2]", "no step"},
           Refusal{"$.a[?(@.b =~ /x/)]", "regular expressions are not offered"},
           Refusal{"$.a[?(@.b == )]", "expected a path"},
           Refusal{"$.a[?(@.b && )]", "expected a path"},
           Refusal{"$.a[?(1)]", "expected a comparison"},
           Refusal{"$.a[?(@.b ~ 1)]", "expected"},
           Refusal{"$.a[?@.b]", "expected '('"},
           Refusal{"$.a.frobnicate()", "one of the functions"},
           Refusal{"$.a.length().b", "after a function"},
           Refusal{"$.a.index()", "an argument of index"},
           Refusal{"$.a'b", "expected '.'"},
           Refusal{"$states.input", "belongs to JSONata"},
           Refusal{"$9", "expected '.'"},
           Refusal{"$name x", "expected '.'"},
       }) {
    CAPTURE(path);
    const auto parsed = Path::parse(path);
    REQUIRE_FALSE(parsed);
    CAPTURE(parsed.error().detail);
    CHECK(parsed.error().detail.find(says) != std::string::npos);
  }
}

TEST_CASE("nesting and length of a path are bounded") {
  std::string deep = "$.a";
  for (int i = 0; i < 100; ++i) deep += "[?(@.a";
  CHECK_FALSE(Path::parse(deep));
  CHECK_FALSE(Path::parse("$[?(" + std::string(10'000, '(')));
  CHECK_FALSE(Path::parse("$[?(" + std::string(10'000, '!')));
  CHECK_FALSE(Path::parse("$[?(@.a in " + std::string(10'000, '[')));
  std::string steps = "$";
  for (int i = 0; i < 256; ++i) steps += ".a";
  CHECK(Path::parse(steps));
  CHECK_FALSE(Path::parse(steps + ".a"));
}

struct Selection {
  const char* path;
  const char* value;
};

TEST_CASE("a definite path selects the one node that it names") {
  const Json document = json(store);
  for (const auto& [path, value] : {
           Selection{"$.limit", "9"},
           Selection{"$['limit']", "9"},
           Selection{"$[\"limit\"]", "9"},
           Selection{"$.['limit']", "9"},
           Selection{"$.book[0].author", "\"Rees\""},
           Selection{"$.book[-1].author", "\"Melville\""},
           Selection{"$['book'][ 1 ]['author']", "\"Waugh\""},
           Selection{"$.with-dash", "1"},
           Selection{"$['with space']", "2"},
           Selection{"$['a.b']", "3"},
           Selection{"$['it\\'s']", "4"},
           Selection{"$.nothing", "null"},
           Selection{"$.bicycle['price','colour','size']", R"({"price":19,"colour":"red"})"},
           Selection{"$.numbers.length()", "3"},
           Selection{"$.numbers.min()", "1"},
           Selection{"$.numbers.max()", "3"},
           Selection{"$.numbers.sum()", "6"},
           Selection{"$.numbers.avg()", "2"},
           Selection{"$.numbers.first()", "3"},
           Selection{"$.numbers.last()", "2"},
           Selection{"$.numbers.index(1)", "1"},
           Selection{"$.numbers.append(7)", "[3,1,2,7]"},
           Selection{"$.bicycle.keys()", R"(["colour","price"])"},
           Selection{"$.concat($.bicycle.colour, '-', $.limit)", "\"red-9\""},
       }) {
    CAPTURE(path);
    const auto parsed = Path::parse(path);
    REQUIRE_MESSAGE(parsed, (parsed ? "" : parsed.error().detail));
    CHECK(parsed->definite());
    const auto found = parsed->evaluate({&document, nullptr});
    REQUIRE(found);
    CHECK(to_text(*found) == value);
  }
}

TEST_CASE("an indefinite path gives the list of what matches, in document order") {
  const Json document = json(store);
  for (const auto& [path, value] : {
           Selection{"$.book[*].author", R"(["Rees","Waugh","Melville"])"},
           Selection{"$.bicycle.*", R"(["red",19])"},
           Selection{"$.bicycle[*]", R"(["red",19])"},
           Selection{"$.book[0,-1].author", R"(["Rees","Melville"])"},
           Selection{"$.numbers[1:]", "[1,2]"},
           Selection{"$.numbers[:2]", "[3,1]"},
           Selection{"$.numbers[-2:]", "[1,2]"},
           Selection{"$.numbers[1:2]", "[1]"},
           Selection{"$.numbers[2:1]", "[]"},
           Selection{"$.numbers[-9:9]", "[3,1,2]"},
           Selection{"$..price", "[8.95,12.99,8.99,19]"},
           Selection{"$..book[0].author", R"(["Rees"])"},
           Selection{"$.nested[*][*]", "[1,2,3]"},
           Selection{"$.nested..[0]", "[[1,2],1,3]"},
           Selection{"$.nested..*", "[[1,2],[3],[],1,2,3]"},
           Selection{"$.book[?(@.isbn)].author", R"(["Melville"])"},
           Selection{"$.book[?(!@.isbn)].author", R"(["Rees","Waugh"])"},
           Selection{"$.book[?(@.price < $.limit)].author", R"(["Rees","Melville"])"},
           Selection{"$.book[?(@.category == 'fiction' && @.price > 9)].author", R"(["Waugh"])"},
           Selection{"$.book[?(@.category=='reference' || (@.isbn && @.price<10))].author",
                     R"(["Rees","Melville"])"},
           Selection{"$.book[?(@.author==Waugh)].price", "[12.99]"},
           Selection{"$.book[?(@.author in ['Rees', 'Waugh'])].price", "[8.95,12.99]"},
           Selection{"$.book[?(@.author nin ['Rees', 'Waugh'])].price", "[8.99]"},
           Selection{"$.book[?(@.author contains 'ville')].price", "[8.99]"},
           Selection{"$.book[?(@['author'] != \"Rees\")].price", "[12.99,8.99]"},
           Selection{"$.book[?(@.isbn != 'x')].author", R"(["Rees","Waugh","Melville"])"},
           Selection{"$.numbers[?(@ >= 2)]", "[3,2]"},
           Selection{"$.nested[?(@ empty true)]", "[[]]"},
           Selection{"$.nested[?(@ size 2)]", "[[1,2]]"},
           Selection{"$.nested[?(@ anyof [3, 4])]", "[[3]]"},
           Selection{"$.nested[?(@ subsetof [1, 2, 3])]", "[[1,2],[3],[]]"},
           Selection{"$.nested[?(@ noneof [3])]", "[[1,2],[]]"},
           Selection{"$.bicycle[?(@.price == 19.0)].colour", R"(["red"])"},
           Selection{"$..[?(@.isbn)].author", R"(["Melville"])"},
           Selection{"$.nested[*].length()", "[2,1,0]"},
           Selection{"$.absent[*].b", "[]"},
           Selection{"$.limit[*]", "[]"},
           Selection{"$.empty[*]", "[]"},
           Selection{"$..absent", "[]"},
       }) {
    CAPTURE(path);
    const auto parsed = Path::parse(path);
    REQUIRE_MESSAGE(parsed, (parsed ? "" : parsed.error().detail));
    CHECK_FALSE(parsed->definite());
    const auto found = parsed->evaluate({&document, nullptr});
    REQUIRE(found);
    CHECK(to_text(*found) == value);
  }
}

TEST_CASE("a definite path that finds nothing fails as the service says it") {
  const Json document = json(store);
  for (const auto& [path, says] : {
           Refusal{"$.absent", "Invalid path '$.absent' : No results for path: $['absent']"},
           Refusal{"$.absent.deeper",
                   "Invalid path '$.absent.deeper' : Missing property in path $['absent']"},
           Refusal{"$.bicycle.size", "No results for path: $['bicycle']['size']"},
           Refusal{"$.limit.x",
                   "Expected to find an object with property ['x'] in path $['limit'] but found a "
                   "value of type number"},
           Refusal{"$.numbers[3]", "Index out of bounds when evaluating path $['numbers'][3]"},
           Refusal{"$.numbers[-4]", "Index out of bounds"},
           Refusal{
               "$.bicycle[0]",
               "Expected to find an array in path $['bicycle'] but found a value of type object"},
           Refusal{"$.empty.max()", "The function does not apply"},
           Refusal{"$.absent['a','b']", "No results"},
       }) {
    CAPTURE(path);
    const auto found = Path::parse(path)->evaluate({&document, nullptr});
    REQUIRE_FALSE(found);
    CHECK(found.failure().error == "States.Runtime");
    CHECK(found.failure().path_not_found);
    CAPTURE(found.failure().cause);
    CHECK(found.failure().cause.find(says) != std::string::npos);
  }
}

TEST_CASE("$$ leads into the context object, and a path says which document it needs") {
  const Json input = json(R"({"a": 1})"), context = json(R"({"State": {"Name": "Pay"}})");
  const auto path = Path::parse("$$.State.Name");
  REQUIRE(path);
  CHECK(path->needs().context);
  CHECK_FALSE(path->needs().input);
  CHECK(*path->evaluate({nullptr, &context}) == "Pay");
  CHECK(Path::parse("$$")->is_context_root());
  CHECK(Path::parse("$")->is_root());
  CHECK(Path::parse("$.a")->needs().input);
  CHECK_FALSE(Path::parse("$.a")->needs().context);
}

TEST_CASE("an evaluation that visits too many nodes fails instead of going on") {
  Json list = Json::array();
  for (int i = 0; i < 2'000; ++i) list.push_back(i);
  const Json document = list;
  const auto found = Path::parse("$[?(@ in $[?(@ in $[*])])]")->evaluate({&document, nullptr});
  REQUIRE_FALSE(found);
  CHECK(found.failure().error == "States.Runtime");
  CHECK(found.failure().cause.find("more than 1000000 steps") != std::string::npos);
}

TEST_CASE("a reference path names one place") {
  for (const char* path : {"$.a[*]", "$..a", "$.a[0,1]", "$.a['b','c']", "$.a[1:2]", "$.a[?(@.b)]",
                           "$.a.length()", "$$.a", "a", ""}) {
    CAPTURE(path);
    CHECK_FALSE(ReferencePath::parse(path));
  }
  CHECK(ReferencePath::parse("$")->is_root());
  CHECK(ReferencePath::parse("$.a['b'][0]")->text() == "$.a['b'][0]");
}

struct Insertion {
  const char* path;
  const char* document;
  const char* expected;  // null: refused
};

TEST_CASE("a value is inserted at a reference path, and missing objects are made on the way") {
  for (const auto& [path, document, expected] : {
           Insertion{"$", R"({"a":1})", "7"},
           Insertion{"$.b", R"({"a":1})", R"({"a":1,"b":7})"},
           Insertion{"$.a", R"({"a":1,"b":2})", R"({"a":7,"b":2})"},
           Insertion{"$.b.c.d", R"({})", R"({"b":{"c":{"d":7}}})"},
           Insertion{"$.a[1]", R"({"a":[1,2]})", R"({"a":[1,7]})"},
           Insertion{"$.a[-1]", R"({"a":[1,2]})", R"({"a":[1,7]})"},
           Insertion{"$[0].x", "[{}]", R"([{"x":7}])"},
           Insertion{"$.a.b", R"({"a":1})", nullptr},
           Insertion{"$.a.b", R"({"a":null})", nullptr},
           Insertion{"$.a.b", R"({"a":[]})", nullptr},
           Insertion{"$.a", "[1]", nullptr},
           Insertion{"$.a", "null", nullptr},
           Insertion{"$.a[2]", R"({"a":[1,2]})", nullptr},
           Insertion{"$.a[0]", R"({"a":[]})", nullptr},
           Insertion{"$.a[0]", R"({})", nullptr},
       }) {
    CAPTURE(path);
    CAPTURE(document);
    const auto result = ReferencePath::parse(path)->insert(json(document), Json(7));
    REQUIRE(result.has_value() == (expected != nullptr));
    if (result)
      CHECK(to_text(*result) == expected);
    else
      CHECK(result.failure().error == "States.ResultPathMatchFailure");
  }
}

TEST_CASE("numbers compare by value, whatever their form") {
  CHECK(equal_json(Json(1), Json(1.0)));
  CHECK(equal_json(Json(1u), Json(1)));
  CHECK_FALSE(equal_json(json("9007199254740993"), json("9007199254740992.0")));
  CHECK(compare_numbers(json("18446744073709551615"), Json(-1)) > 0);
  CHECK(compare_numbers(Json(-3), Json(-2.5)) < 0);
  CHECK(compare_numbers(Json(-2), Json(-2.5)) > 0);
  CHECK(compare_numbers(Json(2), Json(2.5)) < 0);
  CHECK(compare_numbers(json("1e300"), json("18446744073709551615")) > 0);
  CHECK(compare_numbers(Json("1"), Json(1)) == std::partial_ordering::unordered);
  CHECK(equal_json(json(R"({"a":1,"b":[2.0]})"), json(R"({"b":[2],"a":1})")));
  CHECK_FALSE(equal_json(json(R"({"a":1})"), json(R"({"b":1})")));
  CHECK_FALSE(equal_json(Json(0), Json(false)));
}

}  // namespace
}  // namespace sluice::workflows
