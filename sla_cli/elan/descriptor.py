"""The descriptor of a recogniser, a CMDI file: what ELAN shows, and the command that it starts."""

from __future__ import annotations

from xml.etree import ElementTree as ET

from sla_cli.elan.parameters import ElanRecognizer

NAMESPACE = "http://www.clarin.eu/cmd/"
HELP, SHELL, BATCH = "help.html", "sla.sh", "sla.bat"  # files beside the descriptor
# ELAN splits a command at white space, and starts it in the folder.
COMMANDS = {"runLinux": f"sh {SHELL}", "runMac": f"sh {SHELL}", "runWin": f"cmd.exe /c {BATCH}"}
MADE = "made by sla elan install"


def descriptor_text(recognizer: ElanRecognizer) -> str:
    """The descriptor as XML."""
    root = ET.Element("CMD", xmlns=NAMESPACE, CMDVersion="1.1")
    root.append(ET.Comment(f" {MADE} "))
    ET.SubElement(root, "Header")
    resources = ET.SubElement(root, "Resources")
    for name in ("ResourceProxyList", "JournalFileProxyList", "ResourceRelationList"):
        ET.SubElement(resources, name)
    component = ET.SubElement(ET.SubElement(root, "Components"), "RECOGNIZER")
    started = {"recognizerType": "local", "info": recognizer.title} | COMMANDS
    head = ET.SubElement(component, "recognizer", started)
    head.text = recognizer.folder
    ET.SubElement(component, "documentation").text = HELP
    for one in recognizer.parameters:
        level = "advanced" if one.advanced else "basic"
        ET.SubElement(component, one.element, {"level": level, "info": one.info, **one.attributes}).text = one.name
    ET.indent(root, "  ")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ET.tostring(root, encoding="unicode")}\n'
