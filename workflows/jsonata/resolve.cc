// What a tree of operators means: flat paths, their stages, parents, tail calls.
//
// A parent (`%`) opens a slot that looks for the step whose context it is. The slot rises through
// whatever contains it (`seeking`) until it meets a path, then walks that path's steps backwards;
// the step that it stops at remembers its context under the slot's name, which makes the path a
// stream of tuples.
#include <algorithm>

#include "workflows/jsonata/ast.h"
#include "workflows/jsonata/failure.h"

namespace sluice::workflows::jsonata {
namespace {

class Resolver {
 public:
  explicit Resolver(Program& program) : program_(program) {}

  Node* resolve(Node* node) {
    Node* made = resolve_kind(node);
    if (node->keep_array) made->keep_array = true;
    return made;
  }

 private:
  Node* make(Kind kind, const Node* from) {
    Node& node = program_.nodes.emplace_back();
    node.kind = kind;
    node.position = from->position;
    node.text = from->text;
    return &node;
  }

  // Lets `outer` look for what `inner` did not find.
  static void adopt(Node* outer, const Node* inner) {
    outer->seeking.insert(outer->seeking.end(), inner->seeking.begin(), inner->seeking.end());
    if (inner->kind == Kind::parent) outer->seeking.push_back(inner->slot);
  }

  static void seek(Node* node, AncestorSlot* slot) {
    switch (node->kind) {
      case Kind::name:
      case Kind::wildcard:
        if (--slot->level == 0) {
          // A second slot that stops at the same step shares the first one's name.
          if (node->ancestor == nullptr)
            node->ancestor = slot;
          else
            slot->symbol = node->ancestor->symbol;
          node->tuple = true;
        }
        return;
      case Kind::parent:
        ++slot->level;
        return;
      case Kind::block:
        if (node->items.empty()) return;
        node->tuple = true;
        seek(node->items.back(), slot);
        return;
      case Kind::path: {
        node->tuple = true;
        std::size_t step = node->items.size();
        do seek(node->items[--step], slot);
        while (slot->level > 0 && step > 0);
        return;
      }
      default:
        fail("S0217", {.position = node->position, .token = std::string(node->text)});
    }
  }

  static void resolve_parents(Node* path) {
    Node* last = path->items.back();
    std::vector<AncestorSlot*> slots = last->seeking;
    if (last->kind == Kind::parent) slots.push_back(last->slot);
    for (AncestorSlot* slot : slots) {
      auto at = static_cast<std::ptrdiff_t>(path->items.size()) - 2;
      const auto step_at = [&](std::ptrdiff_t i) {
        return path->items[static_cast<std::size_t>(i)];
      };
      while (slot->level > 0) {
        if (at < 0) {
          path->seeking.push_back(slot);
          break;
        }
        Node* step = step_at(at--);
        // Bindings that follow one another share a context.
        while (at >= 0 && step->focus != 0 && step_at(at)->focus != 0) step = step_at(at--);
        seek(step, slot);
      }
    }
  }

  Node* as_path(Node* node) {
    if (node->kind == Kind::path) return node;
    Node* path = make(Kind::path, node);
    path->items.push_back(node);
    return path;
  }

  Node* map(Node* node) {
    Node* left = resolve(node->lhs);
    Node* path = as_path(left);
    if (left->kind == Kind::parent) path->seeking = {left->slot};
    Node* rest = resolve(node->rhs);
    if (rest->kind == Kind::path) {
      path->items.insert(path->items.end(), rest->items.begin(), rest->items.end());
    } else {
      if (!rest->predicates.empty()) rest->stages = std::move(rest->predicates);
      rest->predicates.clear();
      path->items.push_back(rest);
    }
    for (Node* step : path->items) {
      if (step->kind == Kind::number || step->kind == Kind::constant)
        fail("S0213", {.position = step->position, .value = std::string(step->text)});
      if (step->kind == Kind::string) step->kind = Kind::name;
      if (step->keep_array) path->keep_singleton_array = true;
    }
    // Brackets at either end make arrays that are kept; in between they only collect.
    for (Node* end : {path->items.front(), path->items.back()})
      if (end->kind == Kind::array) end->cons_array = true;
    resolve_parents(path);
    return path;
  }

  Node* filter(Node* node) {
    Node* made = resolve(node->lhs);
    Node* step = made->kind == Kind::path ? made->items.back() : made;
    if (step->group) fail("S0209", {.position = node->position});
    Node* predicate = resolve(node->rhs);
    for (AncestorSlot* slot : predicate->seeking) {
      if (slot->level == 1)
        seek(step, slot);
      else
        --slot->level;
    }
    if (!predicate->seeking.empty()) adopt(step, predicate);
    (made->kind == Kind::path ? step->stages : step->predicates).push_back({predicate, 0});
    return made;
  }

  Node* group(Node* node) {
    Node* made = resolve(node->lhs);
    if (made->group) fail("S0210", {.position = node->position});
    made->group = std::make_unique<Group>();
    made->group->position = node->position;
    for (const Pair& pair : node->pairs) {
      Node* key = resolve(pair.key);
      made->group->pairs.push_back({key, resolve(pair.value)});
    }
    return made;
  }

  Node* order(Node* node) {
    Node* path = as_path(resolve(node->lhs));
    Node* sort = make(Kind::sort, node);
    for (const Term& term : node->terms) {
      Node* expression = resolve(term.expression);
      adopt(sort, expression);
      sort->terms.push_back({expression, term.descending});
    }
    path->items.push_back(sort);
    resolve_parents(path);
    return path;
  }

  Node* focus(Node* node) {
    Node* made = resolve(node->lhs);
    Node* step = made->kind == Kind::path ? made->items.back() : made;
    if (!step->stages.empty() || !step->predicates.empty())
      fail("S0215", {.position = node->position});
    if (step->kind == Kind::sort) fail("S0216", {.position = node->position});
    if (node->keep_array) step->keep_array = true;
    step->focus = node->rhs->symbol;
    step->tuple = true;
    return made;
  }

  Node* index(Node* node) {
    Node* made = resolve(node->lhs);
    Node* step = made;
    if (made->kind == Kind::path) {
      step = made->items.back();
    } else {
      made = as_path(made);
      if (!step->predicates.empty()) step->stages = std::move(step->predicates);
      step->predicates.clear();
    }
    if (step->stages.empty())
      step->index = node->rhs->symbol;
    else
      step->stages.push_back({nullptr, node->rhs->symbol});
    step->tuple = true;
    return made;
  }

  Node* binary(Node* node) {
    switch (node->op) {
      case Op::map:
        return map(node);
      case Op::filter:
        return filter(node);
      case Op::group:
        return group(node);
      case Op::order:
        return order(node);
      case Op::focus:
        return focus(node);
      case Op::index:
        return index(node);
      case Op::assign: {
        Node* made = make(Kind::bind, node);
        made->symbol = node->lhs->symbol;
        made->rhs = resolve(node->rhs);
        adopt(made, made->rhs);
        return made;
      }
      case Op::chain: {
        Node* made = make(Kind::apply, node);
        made->lhs = resolve(node->lhs);
        made->rhs = resolve(node->rhs);
        made->keep_array = made->lhs->keep_array || made->rhs->keep_array;
        return made;
      }
      default: {
        Node* made = make(Kind::binary, node);
        made->op = node->op;
        made->lhs = resolve(node->lhs);
        made->rhs = resolve(node->rhs);
        adopt(made, made->lhs);
        adopt(made, made->rhs);
        return made;
      }
    }
  }

  Node* negate(Node* node) {
    Node* operand = resolve(node->lhs);
    if (operand->kind == Kind::number) {
      operand->value = Value(-operand->value.as_number());
      return operand;
    }
    Node* made = make(Kind::negate, node);
    made->lhs = operand;
    adopt(made, operand);
    return made;
  }

  // Calls, conditions, blocks: everything whose parts may look for parents above it.
  Node* compound(Node* node) {
    Node* made = make(node->kind, node);
    for (Node* item : node->items) {
      Node* part = resolve(item);
      adopt(made, part);
      made->items.push_back(part);
      if (node->kind == Kind::block &&
          (part->cons_array || (part->kind == Kind::path && part->items.front()->cons_array)))
        made->cons_array = true;
    }
    const bool is_call = node->kind == Kind::function || node->kind == Kind::partial;
    for (auto part : {&Node::lhs, &Node::rhs, &Node::otherwise}) {
      if (node->*part == nullptr) continue;
      made->*part = resolve(node->*part);
      if (!is_call) adopt(made, made->*part);
    }
    for (const Pair& pair : node->pairs) {
      Node* key = resolve(pair.key);
      adopt(made, key);
      Node* value = resolve(pair.value);
      adopt(made, value);
      made->pairs.push_back({key, value});
    }
    return made;
  }

  Node* tail_call(Node* node) {
    if (node->kind == Kind::function && node->predicates.empty() && !node->group &&
        !node->keep_array) {
      Node* made = make(Kind::thunk, node);
      made->lhs = node;
      return made;
    }
    if (!node->predicates.empty() || node->group || node->keep_array) return node;
    if (node->kind == Kind::condition) node->rhs = tail_call(node->rhs);
    if (node->kind == Kind::condition || node->kind == Kind::coalesce ||
        node->kind == Kind::elvis) {
      if (node->otherwise != nullptr) node->otherwise = tail_call(node->otherwise);
    } else if (node->kind == Kind::block && !node->items.empty()) {
      node->items.back() = tail_call(node->items.back());
    }
    return node;
  }

  Node* resolve_kind(Node* node) {
    switch (node->kind) {
      case Kind::binary:
        return binary(node);
      case Kind::negate:
        return negate(node);
      case Kind::array:
      case Kind::object:
      case Kind::function:
      case Kind::partial:
      case Kind::condition:
      case Kind::coalesce:
      case Kind::elvis:
      case Kind::block:
        return compound(node);
      case Kind::lambda: {
        Node* made = make(Kind::lambda, node);
        made->items = node->items;
        made->signature = node->signature;
        made->lhs = tail_call(resolve(node->lhs));
        return made;
      }
      case Kind::transform: {
        Node* made = make(Kind::transform, node);
        made->lhs = resolve(node->lhs);
        made->rhs = resolve(node->rhs);
        if (node->otherwise != nullptr) made->otherwise = resolve(node->otherwise);
        return made;
      }
      case Kind::operator_name:
      case Kind::name: {
        node->kind = Kind::name;
        Node* path = as_path(node);
        if (node->keep_array) path->keep_singleton_array = true;
        return path;
      }
      case Kind::parent: {
        Node* made = make(Kind::parent, node);
        // A name that no variable can have.
        const std::string name = "%" + std::to_string(program_.slots.size());
        made->slot = &program_.slots.emplace_back(AncestorSlot{program_.names.number(name)});
        return made;
      }
      case Kind::end:
        fail("S0207", {.position = node->position});
      case Kind::string:
      case Kind::number:
      case Kind::constant:
      case Kind::regex:
      case Kind::variable:
      case Kind::placeholder:
      case Kind::wildcard:
      case Kind::descendant:
      case Kind::thunk:
      case Kind::path:
      case Kind::bind:
      case Kind::apply:
      case Kind::sort:
        break;
    }
    return node;
  }

  Program& program_;
};

}  // namespace

Node* resolve(Program& program, Node* parsed) {
  Node* root = Resolver(program).resolve(parsed);
  if (root->kind == Kind::parent || !root->seeking.empty())
    fail("S0217", {.position = root->position, .token = std::string(root->text)});
  return root;
}

}  // namespace sluice::workflows::jsonata
