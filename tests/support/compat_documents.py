"""Documents as mozdef_client's own README shows them."""

from __future__ import annotations

VULNERABILITY = {
    "description": "system vulnerability management automation",
    "utctimestamp": "2015-01-21T15:33:51.136378+00:00",
    "sourcename": "development",
    "asset": {
        "assetid": 23,
        "ipv4address": "1.2.3.4",
        "macaddress": "",
        "hostname": "git.example.com",
    },
    "vuln": {
        "status": "new",
        "vulnid": "nexpose:43883",
        "title": "RHSA-2013:1475: postgresql and postgresql84 security update",
        "discovery_time": 1421845863,
        "age_days": 32.7,
        "known_malware": False,
        "known_exploits": False,
        "cvss": 8.5,
        "cves": ["CVE-2013-022", "CVE-2013-1900"],
    },
}
COMPLIANCE = {
    "target": "www.example.com",
    "utctimestamp": "2015-03-04T18:25:52.849272+00:00",
    "tags": {"operator": "it", "autogroup": "opsec"},
    "compliance": True,
    "link": "http://a.url",
    "policy": {"url": "http://another.url", "name": "system", "level": "medium"},
    "check": {
        "test": {"type": "nexpose", "name": "assess", "value": "nexpose"},
        "location": "endpoint",
        "ref": "sysmediumupdates1",
        "name": "vulnerability scanner check",
        "description": "validate system patch level",
    },
}
