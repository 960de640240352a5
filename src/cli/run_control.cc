// SPDX-License-Identifier: Apache-2.0
#include "cli/program.h"

namespace leeward::cli {
namespace {

CLI::App* group(CLI::App* parent, const char* name, const char* about) {
  CLI::App* const sub = parent->add_subcommand(name, about);
  sub->require_subcommand(1);
  sub->fallthrough();
  return sub;
}

void add_rules(Program& p, CLI::App* control) {
  CLI::App* const rule = group(control, "rule", "Safety rules");
  CLI::App* const set =
      add(p, rule, "set", "Create or replace a safety rule",
          "  leeward control rule set shop/one-stays-on --control gra --control rbx\n"
          "  leeward control rule set shop/by-hand --type AND --control maintenance \\\n"
          "      --target gra --target rbx --wait-period 30s",
          [&p] { return set_rule(p.context, p.rule); });
  set->add_option("RULE", p.rule.id, "PANEL/RULE")->required();
  set->add_option("--control", p.rule.controls,
                  "A control that the condition is about; may be repeated")
      ->required();
  set->add_option("--target", p.rule.targets,
                  "A control that may not change while the condition does not hold: makes it a "
                  "gating rule; without, the rule asserts its own controls");
  set->add_option("--type", p.rule.type, "How many must be On")
      ->check(CLI::IsMember({"ATLEAST", "AND", "OR"}))
      ->capture_default_str();
  set->add_option("--threshold", p.rule.threshold, "Of ATLEAST")->capture_default_str();
  set->add_flag("--inverted", p.rule.inverted, "The rule holds when the condition does not");
  set->add_option("--wait-period", p.rule.wait_period, "Refuse further changes this long, as in 5s")
      ->capture_default_str();
  add(p, rule, "delete", "Delete a safety rule", "  leeward control rule delete shop/one-stays-on",
      [&p] { return delete_rule(p.context, p.id); })
      ->add_option("RULE", p.id, "PANEL/RULE")
      ->required();
}

}  // namespace

void add_controls(Program& p) {
  CLI::App* const control = group(&p.app, "control", "Routing controls and their safety rules");
  add(p, control, "list", "Control panels with their routing controls and safety rules",
      "  leeward control list\n  leeward control list shop",
      [&p] { return list_controls(p.context, p.id); })
      ->add_option("PANEL", p.id, "Only this one");
  add(p, control, "get", "The state of a routing control", "  leeward control get shop/gra",
      [&p] { return get_control(p.context, p.id); })
      ->add_option("CONTROL", p.id, "PANEL/CONTROL")
      ->required();
  CLI::App* const set = add(p, control, "set", "Switch routing controls, all of them or none",
                            "  leeward control set shop/gra=Off shop/rbx=On\n"
                            "  leeward control set shop/gra=Off --override shop/one-stays-on",
                            [&p] { return set_controls(p.context, p.controls); });
  set->add_option("CHANGE", p.controls.changes, "PANEL/CONTROL=On or =Off; several")->required();
  set->add_option("--override", p.controls.overridden,
                  "PANEL/RULE that is not to be asked; may be repeated");
  add(p, control, "create", "Create a control panel, or a routing control in one (Off)",
      "  leeward control create shop\n  leeward control create shop/gra",
      [&p] { return create_control(p.context, p.id); })
      ->add_option("NAME", p.id, "PANEL or PANEL/CONTROL")
      ->required();
  add(p, control, "delete", "Delete a routing control, or an empty control panel",
      "  leeward control delete shop/gra\n  leeward control delete shop",
      [&p] { return delete_control(p.context, p.id); })
      ->add_option("NAME", p.id, "PANEL or PANEL/CONTROL")
      ->required();
  add_rules(p, control);
}

void add_zones(Program& p) {
  CLI::App* const zone = group(&p.app, "zone", "Zones, to and from zone files");
  add(p, zone, "list", "Every zone that DNS answers", "  leeward zone list",
      [&p] { return list_zones(p.context); });
  add(p, zone, "export", "Print a hosted zone as a zone file, without loss",
      "  leeward zone export shop.test > shop.test.zone",
      [&p] { return export_zone(p.context, p.id); })
      ->add_option("ZONE", p.id, "Its name")
      ->required();
  add(p, zone, "import", "Make a hosted zone from a zone file, or replace its record sets",
      "  leeward zone import shop.test.zone\n  leeward zone import - < db.shop.test",
      [&p] { return import_zone(p.context, p.file); })
      ->add_option("FILE", p.file, "A zone file, at most 4 MiB; - is standard input")
      ->required();
}

void add_latencies(Program& p) {
  CLI::App* const latencies = group(&p.app, "latencies", "What latency routing goes by");
  CLI::App* const measure = add(
      p, latencies, "measure",
      "Time TCP handshakes from here to hosts in client networks; prints a file for dns.latencies",
      "  leeward latencies measure --region GRA11 --targets targets.csv > latencies.csv\n"
      "  leeward latencies measure --region RBX-A --targets targets.csv --merge latencies.csv",
      [&p] { return measure_latencies(p.latencies); });
  LatenciesOptions& options = p.latencies;
  measure->add_option("--region", options.region, "Where this runs, as record sets name it")
      ->required();
  measure
      ->add_option("--targets", options.targets,
                   "Lines of NETWORK, ADDRESS:PORT, where a port that refuses will do; - is "
                   "standard input")
      ->required();
  measure->add_option("--merge", options.merge, "A file whose other measurements are kept");
  measure->add_option("--samples", options.samples, "Handshakes per target; the fastest counts")
      ->check(CLI::Range(1, 100))
      ->capture_default_str();
  measure->add_option("--timeout", options.timeout, "For one handshake")->capture_default_str();
}

}  // namespace leeward::cli
